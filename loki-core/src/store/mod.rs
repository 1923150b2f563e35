//! What is on the disk for good: immutable segments, and the manifest that says which of them count. See `FORMAT.md`.

mod document;
mod filters;
mod layout;
mod manifest;
mod records;
mod segment;
mod segment_writer;
mod tenant_store;

pub(crate) use document::Document;
pub(crate) use filters::FilterMaker;
pub(crate) use manifest::SegmentMeta;
pub(crate) use segment::{Segment, SegmentBlock, SegmentChunk};
pub(crate) use segment_writer::{SegmentWriter, StreamWriter};
pub(crate) use tenant_store::TenantStore;
