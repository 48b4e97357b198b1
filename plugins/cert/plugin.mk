# SPDX-License-Identifier: Apache-2.0
pkgs.plugin.cert := libssl libcrypto libcares yaml-0.1
