//! The server over sockets, with a real engine behind it.

mod explore;
mod push;
mod query;
mod routing;
mod status;
mod stop;
mod suite;
mod support;
mod tail;
