# SPDX-License-Identifier: Apache-2.0
pkgs.plugin.prometheus := libmicrohttpd gnutls libprotobuf-c zlib
proto.plugin.prometheus := report
