/* SPDX-License-Identifier: Apache-2.0 */
#include "chain.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#define DEPTH_MAX 20

static bool is_date(int error)
{
	return error == X509_V_ERR_CERT_HAS_EXPIRED || error == X509_V_ERR_CERT_NOT_YET_VALID;
}

static int verify(const struct chain_request *request, unsigned long flags, struct chain *chain)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *param;

	if (!ctx || X509_STORE_CTX_init(ctx, request->store, request->leaf, request->others) != 1) {
		X509_STORE_CTX_free(ctx);
		return -ENOMEM;
	}
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_flags(param, flags | (request->partial ? X509_V_FLAG_PARTIAL_CHAIN : 0));
	X509_VERIFY_PARAM_set_time(param, request->now);
	if (flags & X509_V_FLAG_NO_CHECK_TIME)
		X509_VERIFY_PARAM_clear_flags(param, X509_V_FLAG_USE_CHECK_TIME);
	X509_VERIFY_PARAM_set_depth(param, DEPTH_MAX);
	if (request->for_server)
		X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_SERVER);
	chain->error = X509_verify_cert(ctx) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
	/* It can fail without saying why. */
	if (chain->error == X509_V_OK && !X509_STORE_CTX_get0_chain(ctx))
		chain->error = X509_V_ERR_UNSPECIFIED;
	sk_X509_pop_free(chain->path, X509_free);
	chain->path = X509_STORE_CTX_get1_chain(ctx);
	X509_STORE_CTX_free(ctx);
	ERR_clear_error();
	return 0;
}

int chain_find(const struct chain_request *request, struct chain *ret_chain)
{
	struct chain chain = {0};
	int r = verify(request, 0, &chain);

	/* With dates a second path may be preferred; only when none is good, dates are left to the judge. */
	if (r == 0 && is_date(chain.error)) {
		chain.out_of_time = true;
		r = verify(request, X509_V_FLAG_NO_CHECK_TIME, &chain);
	}
	if (r < 0) {
		chain_done(&chain);
		return r;
	}
	*ret_chain = chain;
	return 0;
}

void chain_done(struct chain *chain)
{
	sk_X509_pop_free(chain->path, X509_free);
	*chain = (struct chain){0};
}

bool chain_has(const struct chain *chain, X509 *certificate)
{
	for (int i = 0; i < sk_X509_num(chain->path); i++)
		if (X509_cmp(sk_X509_value(chain->path, i), certificate) == 0)
			return true;
	return false;
}
