/** The console: sign-in, or the pages. Each page is a chunk of its own, so that the first one is there soon. */
import { Center, Loader } from "@mantine/core";
import { lazy, Suspense } from "react";
import { Redirect, Route, Router, Switch, useLocation } from "wouter";
import { ApiProvider, useSession } from "./api/session.tsx";
import { SignIn } from "./pages/sign-in.tsx";
import { Boundary } from "./parts/boundary.tsx";
import { AskProvider } from "./parts/confirm.tsx";
import { Page } from "./parts/page.tsx";
import { Shell } from "./parts/shell.tsx";
import { Empty, Failed } from "./parts/states.tsx";

const Overview = lazy(() => import("./pages/overview/overview.tsx"));
const License = lazy(() => import("./pages/license/license.tsx"));
const Denials = lazy(() => import("./pages/denials/denials.tsx"));
const Projects = lazy(() => import("./pages/projects/projects.tsx"));
const Catalogue = lazy(() => import("./pages/catalogue/catalogue.tsx"));
const Product = lazy(() => import("./pages/catalogue/product.tsx"));
const EditionWizard = lazy(() => import("./pages/catalogue/edition-wizard.tsx"));
const Keys = lazy(() => import("./pages/keys/keys.tsx"));
const Audit = lazy(() => import("./pages/audit/audit.tsx"));

export function App() {
  const { session, error } = useSession();
  if (error !== null && session === undefined) return <Failed error={error} />;
  if (session === undefined) return <Waiting />;
  if (session === null) return <SignIn />;
  return (
    <Router base="/console">
      <ApiProvider session={session}>
        <AskProvider>
          <Shell>
            <Pages />
          </Shell>
        </AskProvider>
      </ApiProvider>
    </Router>
  );
}

function Pages() {
  const [place] = useLocation();
  return (
    <Boundary place={place}>
      <Suspense fallback={<Waiting />}>
        <Places />
      </Suspense>
    </Boundary>
  );
}

function Places() {
  return (
    <Switch>
      <Route path="/" component={Overview} />
      <Route path="/licenses/:id">{({ id }) => <License key={id} id={id} />}</Route>
      <Route path="/denials" component={Denials} />
      <Route path="/projects" component={Projects} />
      <Route path="/catalogue">
        <Redirect to="/catalogue/licences" replace />
      </Route>
      <Route path="/catalogue/editions/new" component={EditionWizard} />
      <Route path="/catalogue/products/:id">{({ id }) => <Product key={id} id={id} />}</Route>
      <Route path="/catalogue/:list">{({ list }) => <Catalogue list={list} />}</Route>
      <Route path="/keys" component={Keys} />
      <Route path="/audit" component={Audit} />
      <Route>
        <Page title="There is no such page">
          <Empty title="The address leads nowhere">Choose a page of the navigation.</Empty>
        </Page>
      </Route>
    </Switch>
  );
}

function Waiting() {
  return (
    <Center mih="60vh">
      <Loader aria-label="Loading" />
    </Center>
  );
}
