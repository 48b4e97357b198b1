/* SPDX-License-Identifier: Apache-2.0 */
/* What a secret's file holds: whether it has the form that it should have, and the values in it. What is said of it never
 * has a byte of it. */
#ifndef SECRET_CONTENT_H
#define SECRET_CONTENT_H

#include <stddef.h>

enum content_form {
	CONTENT_ANY,
	CONTENT_PEM_KEY,
	CONTENT_PEM_CERT,
	CONTENT_JSON,
	CONTENT_ENV,
};

/* The form by the word that the option "parse" takes; one of its words is needed. */
enum content_form content_form_of(const char *word);

/* 0, or -EBADMSG with what is wrong, such as "line 3 is no NAME=value". */
int content_check(enum content_form form, const char *text, size_t size, char ret_why[static 96]);

/* name: of the variable or member; NULL: the content as a whole. */
typedef void (*content_visit)(void *userdata, const char *name, const char *value, size_t size);

/* Visits the secrets in a content that content_check() accepts: of JSON and variables those whose name tells that they are
 * one, otherwise the text as a whole, without the white space around it. 0 or -ENOMEM. */
int content_values(
	enum content_form form, const char *text, size_t size, content_visit visit, void *userdata);

#endif
