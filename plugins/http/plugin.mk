# SPDX-License-Identifier: Apache-2.0
pkgs.plugin.http := libcurl jansson libcares libpcre2-8 libssl libcrypto
