#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

mod alarm;
mod background;
mod clock;
mod compact;
mod delete;
mod engine;
mod error;
mod explore;
pub mod files;
mod flush;
mod generation;
mod head;
mod ingest;
mod limits;
mod maintain;
mod metrics;
mod pattern;
mod pause;
mod pool;
mod push;
mod quantity;
mod query;
mod reader;
mod recovery;
mod request;
mod ruler;
mod settings;
mod settle;
pub mod spool;
mod store;
mod strictest;
mod tail;
mod tenant;
mod tenants;
mod wal;

pub use background::{Background, background};
pub use clock::{Clock, ManualClock, SystemClock};
pub use delete::{DeleteQuery, DeleteRequest, DeleteStatus, NewDelete};
pub use engine::Engine;
pub use error::{Error, ErrorKind};
pub use explore::{DetectedField, DetectedLabel, FieldParser, FieldRequest, FieldType, VolumeGrouping, VolumeRequest};
pub use ingest::label_name;
pub use limits::{
    AttributeAction, AttributeRule, BlockedQuery, DeletionMode, Limits, OtlpConfig, ResourceAttributes, StreamRetention,
};
pub use maintain::Maintenance;
pub use metrics::{DeleteMetrics, Metrics, PushMetrics, TenantMetrics};
pub use pattern::{PatternRequest, PatternSeries};
pub use push::{PushEntry, PushFormat, PushLabels, PushPairs, PushRequest, PushStream};
pub use quantity::{ByteSize, Period};
pub use reader::Reader;
pub use recovery::{DamagedFile, Recovery};
pub use request::{IndexStats, QueryRequest, QueryResponse, QueryStats, SeriesRequest};
pub use ruler::{
    Alert, AlertNotice, AlertState, Notify, Rule, RuleGroup, RuleGroupMetrics, RuleGroupStatus, RuleHealth, RuleSample,
    RuleStatus,
};
pub use settings::{ContentFilters, RuleStorage, Settings, WalSync};
pub use tail::{DroppedEntry, Tail, TailEntry, TailFrame, TailRequest};
pub use tenant::TenantId;

pub use loki_chunk as chunk;
pub use loki_index as index;
pub use loki_logql as logql;
