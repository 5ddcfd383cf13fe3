/**
 * Tenant files: a vendor's catalogue as code. The way of a file: `tenant-yaml` gives text its lines, `tenant-check` holds it
 * against `tenant-schema`, `tenant-read` brings it to one form, `tenant-resolve` finds what its names mean, `tenant-apply`
 * merges it into the catalogue where it is not what `tenant-last` knows, `tenant-rules` and `tenant-leaving` look at the
 * outcome before anything is saved.
 */
export { type Applied, applyTenantFiles, applyTenantPaths, applyTenantTexts } from "./tenant-apply.ts";
export { type Fault, TenantFileFault } from "./tenant-faults.ts";
export { readTenantFile, secretsBeside, type TenantFile, tryTenantText, utf8Text } from "./tenant-read.ts";
