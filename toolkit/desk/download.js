// A button that gives a file of the kernel to the browser, as bytes. `transfer.py` is the other half.

function render({ model, el }) {
  const page = crypto.randomUUID?.() ?? String(Math.random());
  const button = document.createElement("button");
  button.type = "button";
  button.className = "dd-page-button";
  button.addEventListener("click", () => model.send({ page }));
  el.append(button);

  const draw = () => {
    const name = model.get("name");
    button.textContent = `Download ${name.split(".").pop().toUpperCase()}`;
    el.hidden = !name;
  };
  // Another page on the same kernel has not asked.
  const told = (message, buffers) => {
    if (message.page !== page) return;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(buffers, { type: "application/octet-stream" }));
    link.download = message.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  };
  model.on("change:name", draw);
  model.on("msg:custom", told);
  draw();
  return () => {
    model.off("change:name", draw);
    model.off("msg:custom", told);
  };
}

export default { render };
