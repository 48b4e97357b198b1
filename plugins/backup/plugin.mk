# SPDX-License-Identifier: Apache-2.0
pkgs.plugin.backup := libarchive zlib jansson libcrypto
