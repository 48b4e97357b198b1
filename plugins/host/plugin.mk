# SPDX-License-Identifier: Apache-2.0
# host needs nothing beyond base.
