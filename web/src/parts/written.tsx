// The end of what an attempt has written to standard error. It stays at the last line as long as the reader does.
import { useLayoutEffect, useRef } from "preact/hooks";

export function Written({ title, log }: { title: string; log: string }) {
  const box = useRef<HTMLPreElement>(null);
  const isAtEnd = useRef(true);
  useLayoutEffect(() => {
    if (isAtEnd.current && box.current) box.current.scrollTop = box.current.scrollHeight;
  });
  const onScroll = () => {
    const { scrollHeight, scrollTop, clientHeight } = box.current!;
    isAtEnd.current = scrollHeight - scrollTop - clientHeight < 8;
  };
  return (
    <figure class="written">
      <figcaption>{title}</figcaption>
      <pre ref={box} tabIndex={0} aria-label={title} onScroll={onScroll}>{log}</pre>
    </figure>
  );
}
