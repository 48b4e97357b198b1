# SPDX-License-Identifier: Apache-2.0
pkgs.plugin.secret := libhs libpcre2-8 libcrypto libarchive zlib jansson libsystemd
