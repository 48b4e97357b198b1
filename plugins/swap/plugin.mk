# SPDX-License-Identifier: Apache-2.0
pkgs.plugin.swap := jansson
