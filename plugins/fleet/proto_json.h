/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proto3's JSON mapping (protobuf.dev/programming-guides/json) of any message, from its descriptor:
 * camel-case names, 64-bit integers as strings, enums by name, bytes in base64, maps as objects, NaN and
 * infinities as strings, defaults left out.
 *
 * protobuf-c does not say which messages are entries of maps: those whose name ends in "Entry" and that have
 * just the fields key and value are taken to be.
 */
#ifndef FLEET_PROTO_JSON_H
#define FLEET_PROTO_JSON_H

#include "base/json.h"

#include <protobuf-c/protobuf-c.h>

/* Writes the message as one JSON object. Errors are remembered in the writer's buffer. */
void proto_json_write(struct json *json, const ProtobufCMessage *message);

#endif
