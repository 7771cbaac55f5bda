#include <ctype.h>
#include <string.h>

#include "unpack.h"

bool parse_decimal(const char *text, uint64_t *value)
{
	uint64_t result = 0;
	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++) {
		if (!isdigit((unsigned char)*text) || result > (INT64_MAX - 9) / 10)
			return false;
		result = result * 10 + (uint64_t)(*text - '0');
	}
	*value = result;
	return true;
}

/* Seconds since 1970, perhaps negative, perhaps with a fraction, of which nanoseconds count. */
bool parse_time(const char *text, struct timespec *time)
{
	bool negative = *text == '-';
	const char *point = strchr(text, '.');
	char whole[24];
	size_t length = point == NULL ? strlen(text + negative) : (size_t)(point - text - negative);
	uint64_t seconds;
	long nanoseconds = 0, unit = 100000000;
	if (length >= sizeof whole)
		return false;
	memcpy(whole, text + negative, length);
	whole[length] = '\0';
	if (!parse_decimal(whole, &seconds))
		return false;
	for (const char *digit = point == NULL ? "" : point + 1; *digit != '\0'; digit++, unit /= 10) {
		if (!isdigit((unsigned char)*digit))
			return false;
		nanoseconds += unit * (*digit - '0');
	}
	time->tv_sec = negative ? -(time_t)seconds : (time_t)seconds;
	time->tv_nsec = nanoseconds;
	if (negative && nanoseconds > 0) {
		time->tv_sec -= 1;
		time->tv_nsec = 1000000000 - nanoseconds;
	}
	return true;
}

static int64_t parse_binary(const unsigned char *field, size_t size)
{
	bool negative = field[0] == 0xff;
	uint64_t value = negative ? UINT64_MAX : 0;
	if (!negative && field[0] != 0x80)
		bad_archive(NULL, "a header has a number that is too large");
	for (size_t i = 1; i < size; i++) {
		if (value >> 56 != (negative ? 0xffU : 0U))
			bad_archive(NULL, "a header has a number that is too large");
		value = value << 8 | field[i];
	}
	if (negative != ((int64_t)value < 0))
		bad_archive(NULL, "a header has a number that is too large");
	return (int64_t)value;
}

int64_t parse_field(const unsigned char *field, size_t size)
{
	int64_t value = 0;
	size_t i = 0;
	if (field[0] >= 0x80)
		return parse_binary(field, size);
	while (i < size && field[i] == ' ')
		i++;
	for (; i < size && field[i] >= '0' && field[i] <= '7'; i++)
		value = value << 3 | (field[i] - '0');
	for (; i < size; i++)
		if (field[i] != ' ' && field[i] != '\0')
			bad_archive(NULL, "a header has a number that is none");
	return value;
}
