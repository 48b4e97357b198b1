/* SPDX-License-Identifier: Apache-2.0 */
/* Some other library. */
int not_a_plugin(void);

__attribute__((visibility("default"))) int not_a_plugin(void)
{
	return 1;
}
