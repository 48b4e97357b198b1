/* SPDX-License-Identifier: Apache-2.0 */
#include "core/manager/sealed.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/fd.h"

#include <fcntl.h>

int sealed_read(const char *path, size_t limit, struct buf *buf)
{
	int r = file_read(AT_FDCWD, path, limit, buf);
	uint32_t crc;

	if (r < 0)
		return r;
	if (buf->size < sizeof crc)
		return -EBADMSG;
	crc = get_le32(buf->data);
	buf->size -= sizeof crc;
	memmove(buf->data, buf->data + sizeof crc, buf->size);
	return crc == crc32c(0, buf->data, buf->size) ? 0 : -EBADMSG;
}

int sealed_write(const char *path, const ProtobufCMessage *message)
{
	size_t size = protobuf_c_message_get_packed_size(message);
	_cleanup_buf_ struct buf bytes = BUF_INIT;
	const uint32_t crc = 0; /* until the rest is there */

	buf_add(&bytes, &crc, sizeof crc);
	if (!buf_extend(&bytes, size))
		return buf_error(&bytes);
	bytes.size += protobuf_c_message_pack(message, (uint8_t *)bytes.data + sizeof crc);
	put_le32(bytes.data, crc32c(0, bytes.data + sizeof crc, size));
	return file_write_atomic(AT_FDCWD, path, bytes.data, bytes.size, 0600);
}
