//! Every defect a document can have, each as a named test and as files under `tests/data/documents`,
//! which other languages' tests read as well.

mod case;
mod delegation;
mod manifests;
mod trust_documents;
mod world;
