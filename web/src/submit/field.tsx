// One input of a pipeline as a field of a form, by its declared type.
import { useEffect, useState } from "preact/hooks";
import type { Input } from "../api/types";
import { bytes, words } from "../format";

const ACCEPT: Record<string, string> = { image: "image/*", audio: "audio/*", video: "video/*", file: "" };
export const isFile = (input: Input): boolean => input.type in ACCEPT;

export function Field({ input, isMissing }: { input: Input; isMissing: boolean }) {
  const id = `input-${input.name}`;
  const about = { id, name: input.name, "aria-describedby": `${id}-hint`, "aria-invalid": isMissing ? true : undefined, "aria-required": input.required || undefined };
  if (input.type === "boolean" && !input.list) {
    return (
      <div class="field"><label class="check"><input type="checkbox" {...about} defaultChecked={input.default === true} /> {words(input.name)}</label>
        <span id={`${id}-hint`} class="hint">{input.description}</span></div>
    );
  }
  return (
    <div class="field">
      <label class="field-name" for={id}>{words(input.name)}{input.required ? "" : " (optional)"}</label>
      {isFile(input) ? <Files input={input} about={about} /> : <Plain input={input} about={about} />}
      <span id={`${id}-hint`} class={isMissing ? "wrong" : "hint"}>{isMissing ? "This is needed. " : ""}{hintOf(input)}</span>
    </div>
  );
}

function hintOf(input: Input): string {
  const kind = input.list ? `list of ${input.type}` : input.type;
  const from = input.minimum === null ? "" : `at least ${input.minimum}`;
  const to = input.maximum === null ? "" : `at most ${input.maximum}`;
  const range = [from, to].filter(Boolean).join(", ");
  const what = input.type === "text" && !input.list ? " bytes" : input.list ? " of them" : "";
  return `${input.description ? `${input.description}; ` : ""}${kind}${range ? `, ${range}${what}` : ""}`;
}

type About = Record<string, unknown>;

function Plain({ input, about }: { input: Input; about: About }) {
  const start = input.default === null || input.default === undefined ? "" : typeof input.default === "object" ? JSON.stringify(input.default) : String(input.default);
  if (input.choices.length && !input.list) {
    return <select {...about} defaultValue={start}>{!input.required && start === "" && <option value="">none</option>}
      {input.choices.map((choice) => <option key={choice} value={choice} selected={choice === start}>{choice}</option>)}</select>;
  }
  if ((input.type === "integer" || input.type === "number") && !input.list) {
    return <input {...about} type="number" defaultValue={start} step={input.type === "integer" ? 1 : "any"} min={input.minimum ?? undefined} max={input.maximum ?? undefined} />;
  }
  if (input.list || input.type === "object" || (input.maximum ?? 1000) > 300) {
    return <textarea {...about} rows={3} defaultValue={start} placeholder={input.type === "object" ? "{ }" : input.list ? "one in each line" : ""} />;
  }
  return <input {...about} type="text" defaultValue={start} />;
}

function Files({ input, about }: { input: Input; about: About }) {
  const [files, setFiles] = useState<{ name: string; size: number; address: string; type: string }[]>([]);
  useEffect(() => () => { for (const file of files) URL.revokeObjectURL(file.address); }, [files]);
  const onChange = (event: Event) => {
    const chosen = [...((event.currentTarget as HTMLInputElement).files ?? [])];
    setFiles(chosen.slice(0, 24).map((file) => ({ name: file.name, size: file.size, type: file.type, address: URL.createObjectURL(file) })));
  };
  return (
    <>
      <input {...about} type="file" accept={ACCEPT[input.type]} multiple={input.list} onChange={onChange} />
      {files.length > 0 && (
        <ul class="previews">
          {files.map((file) => (
            <li key={file.address}>
              {file.type.startsWith("image/") && <img src={file.address} alt="" />}
              {file.type.startsWith("video/") && <video src={file.address} muted controls aria-label={file.name} />}
              <span>{file.name} <span class="quiet">{bytes(file.size)}</span></span>
            </li>
          ))}
        </ul>)}
    </>
  );
}
