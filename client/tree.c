/* The tree that a launch attaches: root's client takes it from the shelf itself where no daemon hands one over. */
#include "client.h"

#include "../gate/errand.h"

static const char system_shelf[] = "/run/isolate/shelf"; /* src/pool/paths.ts */

int tree_shelf_root(void) {
  int shelf = geteuid() == 0 ? shelf_open(system_shelf) : -1;
  int root = shelf < 0 ? -1 : shelf_root(shelf);
  close_quietly(shelf);
  return root;
}

bool tree_take(struct run *run) {
  const struct record *record = &run->record;
  if (record->shelf == NULL) return connection_tree(run->lease, record, &run->user_namespace, &run->tree);
  int shelf = shelf_open(record->shelf);
  run->tree = shelf < 0 ? -1 : above_planned(shelf_copy(shelf, record->shelf_path, &record->shelf_device));
  close_quietly(shelf);
  return run->tree >= 0;
}
