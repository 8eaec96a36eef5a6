// XMLHttpRequest, because fetch does not tell how far an upload is.
import { access } from "../live/access";

export function upload<T>(path: string, body: FormData, key: string, onShare: (share: number) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    request.setRequestHeader("Idempotency-Key", key);
    request.upload.onprogress = (event) => { if (event.lengthComputable) onShare(event.loaded / event.total); };
    request.onload = () => {
      if (request.status === 401) access.set("closed");
      let answer: { detail?: string } = {};
      try {
        answer = JSON.parse(request.responseText);
      } catch { /* no JSON */ }
      if (request.status >= 200 && request.status < 300) resolve(answer as T);
      else reject(new Error((request.status === 401 ? "You were signed out meanwhile. Submit again." : answer.detail) || `The node answered with status ${request.status}.`));
    };
    request.onerror = () => reject(new Error("The node cannot be reached. Press Submit again: it cannot make a second job."));
    request.send(body);
  });
}
