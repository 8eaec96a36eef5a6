// Values of inputs and results: artifacts are played in place, the rest is text.
import { useEffect, useState } from "preact/hooks";
import { artifactHead } from "../api/rest";
import { bytes, words } from "../format";

/** More than this of a list are not loaded. */
const SHOWN = 12;

function hashOf(value: unknown): string | null {
  const hash = (value as { artifact?: unknown } | null)?.artifact;
  return typeof hash === "string" && /^[0-9a-f]{64}$/.test(hash) ? hash : null;
}

const EXTENSIONS: Record<string, string> = { "video/mp4": "mp4", "video/webm": "webm", "image/png": "png", "image/jpeg": "jpg", "audio/wav": "wav", "audio/mpeg": "mp3" };

export function Artifact({ hash, name }: { hash: string; name: string }) {
  const [head, setHead] = useState<{ type: string; size: number } | null>(null);
  const [error, setError] = useState("");
  useEffect(() => {
    artifactHead(hash).then(setHead, (failure) => setError((failure as Error).message));
  }, [hash]);
  const path = `/v1/artifacts/${hash}`;
  if (error) return <p class="notice warn">{words(name)} cannot be shown: {error}</p>;
  if (!head) return <p class="quiet">Asking for {words(name).toLowerCase()}.</p>;
  const file = `${name}-${hash.slice(0, 8)}.${EXTENSIONS[head.type] ?? "bin"}`;
  return (
    <figure class="media">
      {head.type.startsWith("video/") && <video src={path} controls preload="metadata" playsInline aria-label={words(name)} />}
      {head.type.startsWith("image/") && <img src={path} alt={words(name)} loading="lazy" />}
      {head.type.startsWith("audio/") && <audio src={path} controls preload="metadata" aria-label={words(name)} />}
      <figcaption><a href={`${path}?download=${encodeURIComponent(file)}`}>Download</a> <span class="quiet">{head.type || "unknown type"}, {bytes(head.size)}</span></figcaption>
    </figure>
  );
}

function Value({ name, value }: { name: string; value: unknown }) {
  const hash = hashOf(value);
  if (hash) return <Artifact hash={hash} name={name} />;
  if (Array.isArray(value)) {
    return (
      <div class={value.some(hashOf) ? "many" : "lines"}>
        {value.slice(0, SHOWN).map((one, at) => <Value key={at} name={`${name}-${at + 1}`} value={one} />)}
        {value.length > SHOWN && <p class="quiet">and {value.length - SHOWN} more</p>}
      </div>
    );
  }
  if (value !== null && typeof value === "object") return <pre tabIndex={0}>{JSON.stringify(value, null, 1)}</pre>;
  return <span class="value">{value === "" ? "(empty)" : value === null ? "none" : String(value)}</span>;
}

/** Names and values, each as it is best seen. */
export function Values({ values, label }: { values: Record<string, unknown>; label: string }) {
  return (
    <dl class="values" aria-label={label}>
      {Object.entries(values).map(([name, value]) => <div key={name}><dt>{words(name)}</dt><dd><Value name={name} value={value} /></dd></div>)}
    </dl>
  );
}
