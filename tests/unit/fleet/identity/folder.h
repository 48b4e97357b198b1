/* SPDX-License-Identifier: Apache-2.0 */
/* A state directory for a test, and requests for certificates. */
#ifndef TESTS_IDENTITY_FOLDER_H
#define TESTS_IDENTITY_FOLDER_H

#include "base/buf.h"
#include "kit/credential.h"

#include <stdio.h>
#include <unistd.h>

static inline int folder_make(char folder[static 32])
{
	snprintf(folder, 32, "/tmp/test_identity.XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static inline void folder_remove(const char *folder)
{
	static const char *const names[] = {
		"authority.pem", "server.pem", "identity.db", "identity.db-wal", "identity.db-shm"};
	char path[128];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof path, "%s/%s", folder, names[i]);
		unlink(path);
	}
	rmdir(folder);
}

/* A key, and a request for it. */
static inline void folder_request(struct buf *key, struct buf *csr)
{
	assert_int_equal(credential_make_key(key), 0);
	assert_int_equal(credential_make_request(buf_str(key), "agent", csr, NULL), 0);
}

#endif
