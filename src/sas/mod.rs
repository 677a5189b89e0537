//! `ListAgentlessTask` of Security Center: endpoints, request, wire shapes, decoding.

pub mod endpoints;
