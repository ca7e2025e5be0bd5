// The desk's guard in the browser: asks the kernel whether it is there, keeps keys inside the desk,
// and marks what was typed and is not in the store yet. `guard.py` is its other half.

const EVERY = 1000; // milliseconds between two looks
const PATIENCE = 10000; // a kernel that works answers when it is done; one that does not by then is lost
const GONE = ["dead", "terminating", "restarting", "autorestarting"];

function render({ model, el }) {
  const page = crypto.getRandomValues(new Uint32Array(2)).join("-"); // this view of the desk
  let root = null;
  let asked = 0; // when the ping that waits for its answer was sent; 0: none waits
  let lost = false;
  let before = "";

  const banner = document.createElement("div");
  banner.className = "dd-lost-banner";
  banner.setAttribute("role", "alert");
  banner.setAttribute("popover", "manual"); // above everything, wherever the page is scrolled to
  banner.hidden = true;
  el.append(banner);

  const stay = (event) => {
    // Ctrl+S goes on saving the notebook; every other key is the desk's.
    const saves = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s";
    if (!saves) event.stopPropagation();
  };
  const fact = (event) => event.target.closest?.(".dd-fact");
  const waits = (event) => event.target.closest?.(".dd-waits"); // for the button of its form
  const entered = (event) => {
    before = event.target.value;
  };
  const typed = (event) => {
    if (!event.target.matches("input, textarea")) return;
    const field = fact(event) ?? waits(event);
    field?.classList.add("dd-typed");
    delete field?.dataset.ddLeft;
  };
  const left = (event) => {
    if (event.target.value === before) {
      (fact(event) ?? waits(event))?.classList.remove("dd-typed");
    } else if (waits(event)) waits(event).dataset.ddLeft = Date.now();
  };
  // The kernel has what was left before it was asked, and marks what differs from what is saved.
  const taken = (since) => {
    for (const one of root.querySelectorAll(".dd-typed[data-dd-left]")) {
      if (Number(one.dataset.ddLeft) < since) one.classList.remove("dd-typed");
    }
  };
  // In a letter, arrows go from sentence to sentence, and Escape hides what binds one until the next.
  const among = (event) => {
    const at = event.target.closest?.(".bound");
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (!at || !step) return;
    const every = [...at.closest(".letter").querySelectorAll(".bound")];
    every[every.indexOf(at) + step]?.focus();
    event.preventDefault();
  };
  const hush = (event) => {
    if (event.key !== "Escape") return;
    for (const one of root?.querySelectorAll(".letter") ?? []) one.classList.add("hushed");
  };
  const unhush = (event) => {
    if (event.target.closest?.(".bound")) event.target.closest(".letter").classList.remove("hushed");
  };
  const listeners = [
    ["keydown", among],
    ["focusin", unhush],
    ["mouseover", unhush],
    ["keydown", stay],
    ["keypress", stay],
    ["keyup", stay],
    ["focusin", entered],
    ["input", typed],
    ["focusout", left],
  ];

  const settle = (message) => {
    if (message.pong !== undefined) {
      taken(asked);
      asked = 0;
      if (lost) recover();
    }
    for (const name of message.settled ?? []) {
      for (const one of root?.querySelectorAll(`.dd-fact-${name}`) ?? []) {
        one.classList.remove("dd-typed");
      }
    }
    if (message.show) {
      root?.querySelector(`.${message.show}`)?.scrollIntoView({ block: "nearest" });
    }
  };

  const controls = () => root.querySelectorAll("input, textarea, select, button");
  const textual = (node) => node.matches("textarea, input:not([type=checkbox])");

  const unsavedFields = () =>
    [...root.querySelectorAll(".dd-typed, .dd-unsaved")].filter((one) => one.offsetParent);
  // The browser asks before a page goes that holds what is not saved.
  const going = (event) => {
    if (root && unsavedFields().length) event.preventDefault();
  };

  function lose() {
    lost = true;
    root.classList.add("dd-lost");
    for (const node of controls()) {
      // Text stays where it is, to be read and copied.
      if (textual(node)) node.readOnly = true;
      else if (!node.disabled) {
        node.disabled = true;
        node.dataset.ddLost = "yes";
      }
    }
    const unsaved = unsavedFields().length;
    banner.textContent =
      "The kernel behind this desk does not answer: nothing can be saved. " +
      (unsaved
        ? `${unsaved} field${unsaved > 1 ? "s hold" : " holds"} text that is not saved, marked below: copy it. Then `
        : "Everything that was entered before is saved. To go on, ") +
      // In the app, which Voila serves, there is no notebook to run.
      (document.body.dataset.voila
        ? "reload this page."
        : "run the notebook again (Run > Run All Cells).");
    banner.hidden = false;
    banner.showPopover?.();
  }

  function recover() {
    lost = false;
    root.classList.remove("dd-lost");
    for (const node of controls()) {
      if (textual(node)) node.readOnly = false;
      else if (node.dataset.ddLost) {
        node.disabled = false;
        delete node.dataset.ddLost;
      }
    }
    banner.hidePopover?.();
    banner.hidden = true;
  }

  // The desk is guarded in the moment that it enters the page: what is typed a blink later is marked.
  const entering = new MutationObserver(adopt);
  function adopt() {
    root ??= el.closest(".dd-desk");
    if (!root) return;
    entering.disconnect();
    root.tabIndex = -1; // a click beside a control leaves the focus in the desk
    for (const [name, does] of listeners) root.addEventListener(name, does);
    root.dataset.ddGuarded = "yes";
    model.send({ here: page });
    look();
  }

  function look() {
    if (!root) return; // not in the page yet
    const kernel = model.widget_manager?.kernel;
    const status = kernel?.status;
    const gone = GONE.includes(status) || kernel?.connectionStatus === "disconnected";
    const silent = asked && Date.now() - asked > PATIENCE && status !== "busy";
    if (!lost && (gone || silent)) lose();
    if (!asked) {
      asked = Date.now();
      try {
        model.send({ ping: true });
      } catch {
        if (!lost) lose(); // the connection is closed for good
      }
    }
  }

  model.on("msg:custom", settle);
  window.addEventListener("beforeunload", going);
  document.addEventListener("keydown", hush, true); // wherever the focus is: the pointer shows it too
  const timer = setInterval(look, EVERY);
  entering.observe(document, { childList: true, subtree: true });
  adopt();
  return () => {
    clearInterval(timer);
    entering.disconnect();
    if (root) model.send({ gone: page });
    model.off("msg:custom", settle);
    window.removeEventListener("beforeunload", going);
    document.removeEventListener("keydown", hush, true);
    for (const [name, does] of listeners) root?.removeEventListener(name, does);
  };
}

export default { render };
