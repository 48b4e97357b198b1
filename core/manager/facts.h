/* SPDX-License-Identifier: Apache-2.0 */
/* What an output is told about the agent with every batch. */
#ifndef MANAGER_FACTS_H
#define MANAGER_FACTS_H

#include "agent/config.h"
#include "agent/identity.h"

struct facts {
	Gavea__Worker__V1__Fact **facts;
	size_t count;
};

#define FACTS_INIT \
	{ \
		NULL, 0 \
	}

/* 0 or -ENOMEM. */
int facts_make(struct facts *facts, const struct identity *identity, const struct config *config);
void facts_done(struct facts *facts);

#endif
