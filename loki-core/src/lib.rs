//! An embeddable log database.
#![deny(missing_docs)]

mod clock;
mod engine;
mod error;
mod limits;
mod push;
mod quantity;
mod request;
mod settings;
mod tenant;

pub use clock::{Clock, ManualClock, SystemClock};
pub use engine::{Engine, IndexStats, Maintenance, Metrics, TenantMetrics};
pub use error::{Error, ErrorKind};
pub use limits::{BlockedQuery, DeletionMode, Limits, StreamRetention};
pub use push::{PushEntry, PushLabels, PushRequest, PushStream};
pub use quantity::{ByteSize, Period};
pub use request::{QueryRequest, QueryResponse, QueryStats, SeriesRequest};
pub use settings::{Settings, WalSync};
pub use tenant::TenantId;

pub use loki_chunk as chunk;
pub use loki_index as index;
pub use loki_logql as logql;
