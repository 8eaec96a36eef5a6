// A form for any pipeline, made from what GET /v1/pipelines says about its inputs.
import { h, words } from "/view.js";

const FILES = { image: "image/*", audio: "audio/*", video: "video/*", file: "" };

function label(input) { return words(input.name) + (input.required ? "" : " (optional)"); }

function preview(file, type) {
  const url = URL.createObjectURL(file);
  if (type === "image" && file.type.startsWith("image/")) return h("img", { src: url, alt: file.name });
  if (type === "video" && file.type.startsWith("video/")) return h("video", { src: url, muted: true, controls: true });
  if (type === "audio" && file.type.startsWith("audio/")) return h("audio", { src: url, controls: true });
  return h("div", { class: "name" }, file.name);
}

function fileField(input) {
  const picker = h("input", { type: "file", accept: FILES[input.type], multiple: input.list, "aria-label": label(input) });
  const previews = h("div", { class: "previews" });
  const noun = input.list ? `${input.type === "audio" ? "audio file" : input.type}s` : `${/^[aeiou]/.test(input.type) ? "an" : "a"} ${input.type === "audio" ? "audio file" : input.type}`;
  const text = h("p", {}, h("b", {}, `Choose ${noun}`), " or drop it here".replace("it", input.list ? "them" : "it"));
  const drop = h("div", { class: "drop" }, previews, text, picker);
  let files = [];
  const show = () => {
    for (const media of previews.querySelectorAll("[src]")) URL.revokeObjectURL(media.src);
    previews.classList.toggle("many", files.length > 1);
    previews.replaceChildren(...files.map((file, at) => h("figure", {}, preview(file, input.type),
      h("button", { type: "button", title: `Remove ${file.name}`, "aria-label": `Remove ${file.name}`,
        onclick: (event) => { event.preventDefault(); files.splice(at, 1); show(); } }, "×"))));
    text.hidden = files.length > 0 && !input.list;
  };
  const add = (list) => {
    const fitting = [...list].filter((file) => input.type === "file" || !file.type || file.type.startsWith(input.type + "/"));
    if (fitting.length) files = input.list ? [...files, ...fitting] : [fitting[0]];
    show();
  };
  picker.addEventListener("change", () => { add(picker.files); picker.value = ""; });
  for (const name of ["dragenter", "dragover"]) drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over"); });
  for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => { event.preventDefault(); add(event.dataTransfer.files); });
  return { node: drop, focus: picker, isEmpty: () => files.length === 0, append: (form) => files.forEach((file) => form.append(input.name, file, file.name)) };
}

function valueField(input) {
  const id = `input-${input.name}`;
  const start = input.default === null || input.default === undefined ? "" : String(input.default);
  let node;
  if (input.choices.length) {
    node = h("select", { id }, ...(input.required || start ? [] : [h("option", { value: "" }, "–")]),
      ...input.choices.map((choice) => h("option", { value: choice, selected: choice === start }, choice)));
  } else if (input.type === "integer" || input.type === "number") {
    node = h("input", { id, type: "number", value: start, step: input.type === "integer" ? 1 : "any", min: input.minimum ?? "", max: input.maximum ?? "" });
  } else if (input.type === "object" || input.list || (input.maximum ?? 1000) > 300) {
    node = h("textarea", { id, rows: 4, placeholder: input.type === "object" ? "{ }" : input.list ? "one in each line" : "" }, start);
  } else {
    node = h("input", { id, type: "text", value: start });
  }
  const values = () => (input.list ? node.value.split("\n").map((line) => line.trim()).filter(Boolean) : [node.value]);
  return { node, focus: node, isEmpty: () => node.value.trim() === "", append: (form) => values().forEach((value) => form.append(input.name, value)) };
}

function checkField(input) {
  const box = h("input", { type: "checkbox", checked: input.default === true });
  return { node: h("label", { class: "check" }, box, words(input.name)), focus: box, isEmpty: () => false, isCheck: true,
    append: (form) => form.append(input.name, String(box.checked)) };
}

/// Fills the element with fields. @returns {read(): FormData or null after showing what is missing}
export function makeForm(element, pipeline, onSubmit) {
  const fields = pipeline.inputs.map((input) => {
    const control = input.type in FILES ? fileField(input) : input.type === "boolean" && !input.list ? checkField(input) : valueField(input);
    const wrong = h("span", { class: "wrong", hidden: true, role: "alert" });
    const heading = control.isCheck ? [] : [h("label", { for: control.node.id || undefined }, label(input))];
    const hint = input.description ? [h("span", { class: "hint" }, input.description)] : [];
    return { input, control, wrong, node: h("div", { class: "field" }, ...heading, control.node, wrong, ...hint) };
  });
  const notice = h("p", { class: "notice bad", hidden: true, role: "alert" });
  const button = h("button", { class: "primary", type: "submit" }, "Start");
  element.replaceChildren(...fields.map((field) => field.node), notice, button);
  const read = () => {
    const form = new FormData();
    let first = null;
    for (const { input, control, wrong } of fields) {
      const isMissing = input.required && control.isEmpty();
      wrong.hidden = !isMissing;
      wrong.textContent = isMissing ? (input.type in FILES ? "Please choose a file." : "Please fill this in.") : "";
      if (isMissing) first = first ?? control.focus;
      if (!control.isEmpty()) control.append(form);
    }
    first?.focus();
    return first ? null : form;
  };
  element.onsubmit = async (event) => {
    event.preventDefault();
    const form = read();
    if (!form) return;
    button.disabled = true;
    notice.hidden = true;
    try {
      await onSubmit(form, (share) => { button.textContent = share < 1 ? `Uploading ${Math.round(share * 100)} %` : "Starting"; });
    } catch (failure) {
      notice.textContent = failure.message;
      notice.hidden = false;
    } finally {
      button.disabled = false;
      button.textContent = "Start";
    }
  };
}
