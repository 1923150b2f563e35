//! Delivering what rules come to: alerts to Alertmanagers, samples by Prometheus' remote write.
//!
//! Each destination has a queue of its own and a task that empties it, so that one that is slow or gone holds up
//! neither the rules nor the others. Queues are bounded: alerts wait in memory, for those that go on are told again;
//! samples wait on disk, where they survive a restart.

mod alert_queue;
mod alertmanager;
mod backoff;
mod client;
mod connector;
mod delivery;
mod endpoint;
mod metrics;
mod remote_write;
mod write_request;

pub(crate) use delivery::Delivery;
pub(crate) use endpoint::Endpoint;
