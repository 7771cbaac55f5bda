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

bool trees_take(struct run *run) {
  const struct record *record = &run->record;
  if (record->shelf == NULL) {
    bool taken = connection_tree(run->lease, record, 0, &run->user_namespace, &run->trees[0]);
    int same_maps = -1;
    for (size_t i = 1; taken && i < record_trees(record); i++) {
      taken = connection_tree(run->lease, record, (uint32_t)i, &same_maps, &run->trees[i]);
      close_quietly(same_maps);
    }
    return taken;
  }
  int shelf = shelf_open(record->shelf);
  run->trees[0] = shelf < 0 ? -1 : above_planned(shelf_copy(shelf, record->shelf_path, &record->shelf_device));
  close_quietly(shelf);
  return run->trees[0] >= 0;
}
