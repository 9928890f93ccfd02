/* replay.c: runs a fuzz target over every file of a folder, and over every cut of each small one. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

enum { CUTS_MAX = 2048 };

static size_t load(const char *path, uint8_t **out)
{
	FILE *f = fopen(path, "rb");
	size_t len = 0, room = 0, got;

	*out = NULL;
	if (!f)
		return 0;
	do {
		if (len == room)
			*out = realloc(*out, room = room ? room * 2 : 4096);
		got = fread(*out + len, 1, room - len, f);
		len += got;
	} while (got);
	fclose(f);
	return len;
}

/* A copy of exact size, so that a sanitizer sees every read past its end. */
static void run(const uint8_t *at, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);

	memcpy(copy, at, len);
	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

int main(int argc, char **argv)
{
	unsigned files = 0;

	for (int i = 1; i < argc; i++) {
		DIR *dir = opendir(argv[i]);

		if (!dir) {
			fprintf(stderr, "cannot open folder '%s'\n", argv[i]);
			return 1;
		}
		for (struct dirent *e; (e = readdir(dir));) {
			char path[4096];
			uint8_t *at;

			if (e->d_name[0] == '.')
				continue;
			snprintf(path, sizeof path, "%s/%s", argv[i], e->d_name);
			size_t len = load(path, &at);
			run(at, len);
			for (size_t cut = 0; len <= CUTS_MAX && cut < len; cut++)
				run(at, cut);
			free(at);
			files++;
		}
		closedir(dir);
	}
	printf("replayed %u inputs\n", files);
	return files ? 0 : 1;
}
