# SPDX-License-Identifier: Apache-2.0
pkgs.plugin.swap := libcurl libcrypto libarchive libsystemd jansson
