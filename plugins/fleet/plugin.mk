# SPDX-License-Identifier: Apache-2.0
pkgs.plugin.fleet := libcurl libzstd libprotobuf-c jansson
proto.plugin.fleet := report
