// The frame of the page: where one can go, whether the node answers, and the view that the hash names.
import { useEffect, useState } from "preact/hooks";
import { usePoll } from "./api/poll";
import type { Cluster } from "./api/types";
import { Events } from "./events/events";
import { JobPage } from "./jobs/job";
import { JobList } from "./jobs/list";
import { access } from "./live/access";
import { connection, learnNodes } from "./live/connection";
import { useValue } from "./live/value";
import { Lost } from "./parts/lost";
import { SignIn, SignOut } from "./parts/sign_in";
import { ThemeSwitch } from "./parts/theme";
import { linkTo, parseRoute, type Route, VIEWS } from "./route";
import { Scaling } from "./scaling/scaling";
import { Slots } from "./slots/slots";
import { Submit } from "./submit/submit";
import { Topology } from "./topology/view";

function useRoute(): Route {
  const [route, setRoute] = useState(parseRoute(location.hash));
  useEffect(() => {
    const follow = () => setRoute(parseRoute(location.hash));
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return route;
}

function View({ route }: { route: Route }) {
  if (route.view === "jobs") return route.rest[0] ? <JobPage key={route.rest[0]} id={route.rest[0]} /> : <JobList route={route} />;
  if (route.view === "submit") return <Submit route={route} />;
  if (route.view === "slots") return <Slots />;
  if (route.view === "scaling") return <Scaling />;
  if (route.view === "events") return <Events route={route} />;
  return <Topology route={route} />;
}

const NAMES: Record<string, string> = { topology: "Topology", jobs: "Jobs", submit: "Submit", slots: "Slots", scaling: "Scaling", events: "Events" };

export function App() {
  const route = useRoute();
  const { isLost } = useValue(connection);
  const isClosed = useValue(access) === "closed";
  const { data: cluster, error } = usePoll<Cluster>("/v1/cluster", 10_000);
  useEffect(() => { if (cluster) learnNodes(cluster); }, [cluster]);
  useEffect(() => { document.title = `${NAMES[route.view]}${route.rest.length ? ` ${route.rest.join("/")}` : ""} - Troupe`; }, [route]);
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); document.getElementById("main")?.focus(); }}>Skip to the view</a>
      <header class="top">
        <a class="brand" href="/"><img src="/icon.svg" alt="" width="26" height="26" /><span>Troupe</span></a>
        <nav aria-label="Views">
          {VIEWS.map((view) => <a key={view} href={linkTo(view)} aria-current={route.view === view ? "page" : undefined}>{NAMES[view]}</a>)}
        </nav>
        <p class="status" role="status"><span class={`dot ${isLost ? "off" : "on"}`} />{isLost ? "no connection" : location.host}</p>
        {!isClosed && <SignOut />}
        <ThemeSwitch />
      </header>
      <Lost />
      <main id="main" tabIndex={-1}>
        {cluster && cluster.alarms.length > 0 && route.view !== "events" && route.view !== "topology" && (
          <p class="notice warn"><a href={linkTo("events", [], { kind: "alarm" })}>{cluster.alarms.length === 1 ? "An alarm" : `${cluster.alarms.length} alarms`}</a>: {cluster.alarms[0]!.why}</p>)}
        {error && !isLost && !isClosed && <p class="notice bad" role="alert">{error.message}</p>}
        {isClosed && <SignIn />}
        <div class="view" hidden={isClosed}><View route={route} /></div>  {/* what was typed in it stays */}
      </main>
    </>
  );
}
