/* SPDX-License-Identifier: Apache-2.0 */
// fuzz: plugins/cert
/* Files of the cert plugin by their content: PEM, DER, PKCS#12, JKS, kubeconfig; and what is said about them. */
#include "plugins/cert/content.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bundle_secrets secrets = {.password = "secret", .key_password = "secret"};
	struct bundle bundle = {0};
	struct buf text = BUF_INIT;
	int r = content_read((const char *)data, size, &secrets, &bundle);

	/* What is broken is never good, and what has no form holds nothing. */
	if (r == 0 && bundle.broken && findings_status(&bundle.findings) == GAVEA_OK)
		abort();
	if (!bundle.form && bundle.count)
		abort();
	findings_all(&bundle.findings, &text);
	buf_done(&text);
	bundle_done(&bundle);
	return 0;
}
