// The work of each app: it creates a task, lists it, and syncs it.

export async function useTasks(Kinto, options) {
  const kinto = new Kinto(options);
  const tasks = kinto.collection("tasks");
  const { data: task } = await tasks.create({ title: "Buy bread", done: false });
  const { data: listed } = await tasks.list({ filters: { done: false } });
  const { ok, published } = await tasks.sync();
  const { data: synced } = await tasks.get(task.id);
  const { persistent } = tasks;
  kinto.close();
  return { task, listed, ok, published, synced, persistent };
}

/** Returns the options for the server and the account that the address names. */
export function optionsOf(address) {
  const params = new URL(address).searchParams;
  return { remote: params.get("remote"), headers: { Authorization: `Basic ${btoa(`${params.get("user")}:secret`)}` } };
}
