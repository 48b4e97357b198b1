# SPDX-License-Identifier: Apache-2.0
# exec needs nothing beyond base and kit.
