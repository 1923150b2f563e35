//! The `engine` section: what this engine has and Loki has not. This program's own.

use super::section::Section;
use super::{Config, Error};

impl Config {
    pub(super) fn engine(&mut self, mut section: Section, unused: &mut Vec<String>) -> Result<(), Error> {
        let engine = &mut self.engine;
        section.set("content_filters", &mut engine.content_filters)?;
        section.set("retention_bytes", &mut engine.retention_bytes)?;
        section.set("head_bytes", &mut engine.head_bytes)?;
        section.set("target_segment_bytes", &mut engine.target_segment_bytes)?;
        section.set("quiet_period", &mut engine.quiet_period)?;
        section.set("settle_period", &mut engine.settle_period)?;
        section.set("max_query_memory", &mut engine.max_query_memory)?;
        section.set("query_threads", &mut engine.query_threads)?;
        section.rest(unused);
        Ok(())
    }
}
