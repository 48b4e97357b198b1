# SPDX-License-Identifier: Apache-2.0
pkgs.plugin.fleet := libcurl libzstd libprotobuf-c jansson libcrypto
proto.plugin.fleet := report
