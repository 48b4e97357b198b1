/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gavea-worker-program - the worker of a plugin that is a program
 *
 * gavea-worker with another way to load: see core/worker/main.c. A program of its own, so that the workers of shared
 * objects need not carry what it reads JSON with.
 */
#include "core/worker/program/program.h"

int main(int argc, char **argv)
{
	(void)argv;
	return session_main(argc, &program_loader);
}
