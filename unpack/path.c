#include <string.h>

#include "unpack.h"

bool clean_path(const char *raw, char clean[LONGEST_PATH])
{
	size_t length = 0;
	while (*raw != '\0') {
		size_t part = strcspn(raw, "/");
		bool here = part == 0 || (part == 1 && raw[0] == '.');
		if (part == 2 && memcmp(raw, "..", 2) == 0)
			return false;
		if (!here) {
			/* One for the slash, one for the end. */
			if (part > NAME_MAX || length + part + 2 > LONGEST_PATH)
				return false;
			if (length > 0)
				clean[length++] = '/';
			memcpy(clean + length, raw, part);
			length += part;
		}
		raw += part + (raw[part] == '/');
	}
	if (length == 0)
		clean[length++] = '.';
	clean[length] = '\0';
	return true;
}
