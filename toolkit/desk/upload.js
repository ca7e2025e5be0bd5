// A file from the browser to the kernel, part by part: the next is sent when the one before is there.
// `transfer.py` is the other half.

const PART = 1 << 20; // bytes; the server takes no message of more than ten of these

function render({ model, el }) {
  const page = crypto.randomUUID?.() ?? String(Math.random());
  const label = document.createElement("label");
  label.append(model.get("label"));
  const input = document.createElement("input");
  input.type = "file";
  input.accept = model.get("accept");
  label.append(input);
  const says = document.createElement("span");
  says.setAttribute("role", "status");
  el.append(label, says);

  const rest = () => {
    if (!input.disabled) says.textContent = model.get("says");
  };
  let answered = null;
  const told = (message) => {
    if (message.page === page) answered?.(message.go);
  };
  const send = (message, part) =>
    new Promise((resolve) => {
      answered = resolve;
      model.send({ page, ...message }, undefined, [part]);
    });

  async function upload(file) {
    let at = 0;
    do {
      says.textContent = file.size > PART ? `${Math.floor((100 * at) / file.size)} %` : "";
      const part = await file.slice(at, at + PART).arrayBuffer();
      if (!(await send({ name: file.name, size: file.size, at }, part))) return;
      at += PART;
    } while (at < file.size);
  }

  input.addEventListener("change", async () => {
    if (!input.files.length) return;
    input.disabled = true;
    try {
      await upload(input.files[0]);
    } finally {
      input.value = "";
      input.disabled = false;
      rest();
      input.focus();
    }
  });
  model.on("msg:custom", told);
  model.on("change:says", rest);
  rest();
  return () => {
    model.off("msg:custom", told);
    model.off("change:says", rest);
  };
}

export default { render };
