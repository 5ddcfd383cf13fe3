/** The PostgreSQL store, held to the contract that all stores are held to. */
import { storeConformance } from "../stores/conformance.ts";
import { postgresUnderTest } from "../stores/under-test.ts";

storeConformance(postgresUnderTest());
