/** The PostgreSQL store, held to the contract that all stores are held to. */
import { catalogueConformance } from "../stores/catalogue-conformance.ts";
import { storeConformance } from "../stores/conformance.ts";
import { itemsConformance } from "../stores/items-conformance.ts";
import { postgresUnderTest } from "../stores/under-test.ts";

const store = postgresUnderTest();
storeConformance(store);
catalogueConformance(store);
itemsConformance(store);
