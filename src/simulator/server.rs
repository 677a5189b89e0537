//! The server: sockets, the order of things in one request, and what all requests share.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock, UnixMillis};
use crate::net::{self, BindError, Bounds, Listener, Peer, serve};

use super::api::{ACTION, Pages, VERSION};
use super::auth::{Admitted, Call, Gate, PROTOCOL_PARAMS};
use super::config::{Config, ConfigError, Listing};
use super::control;
use super::dice::{mix, mix_text};
use super::envelope::Refusal;
use super::faults::{Fault, Faults, Lots};
use super::identity;
use super::nonces::Attempts;
use super::params::{Params, decode};
use super::query::Query;
use super::reply::{self, ReplyBody};
use super::timeline::Timeline;
use super::world::World;

/// Most bytes of a request's body: forms of this operation are small.
const BODY_MAX: usize = 1 << 20;

/// The simulation could not start.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// The world can't be simulated.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The address can't be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
}

/// A simulated Security Center that is bound and not served yet.
#[derive(Debug)]
pub struct Simulator {
    listener: Listener,
    address: SocketAddr,
    shared: Shared,
}

impl Simulator {
    /// Listens and draws the world, whose history ends now by `clock`.
    ///
    /// # Errors
    /// If the configuration is refused or the address can't be listened on.
    pub async fn bind(config: Config, clock: Clock) -> Result<Self, SimulatorError> {
        config.check()?;
        let listener = Listener::bind(&config.listen).await?;
        let address = listener.local_addr().expect("the check above takes TCP addresses only");
        Ok(Self { listener, address, shared: Shared::new(config, clock) })
    }

    /// The address really listened on.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` is cancelled, then lets the answers under way finish.
    pub async fn serve(self, shutdown: CancellationToken) {
        let Self { listener, address: _, shared } = self;
        let shared = Arc::new(shared);
        let stalling = shutdown.clone();
        // What stalls on purpose is the client's to give up.
        let bounds = Bounds { answer_time: Duration::from_secs(3600), ..Bounds::default() };
        serve(listener, bounds, net::in_the_clear(), shutdown, move |request, peer| {
            let (shared, stalling) = (Arc::clone(&shared), stalling.clone());
            async move { shared.answer(request, peer, &stalling).await }
        })
        .await;
    }
}

/// The connection is to be closed without an answer.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("closed without an answer on purpose")]
struct HungUp;

/// What all requests share.
#[derive(Debug)]
pub(super) struct Shared {
    seed: u64,
    page_size_max: u32,
    latency: Duration,
    pages: Pages,
    gate: Gate,
    world: RwLock<World>,
    timeline: Mutex<Timeline>,
    attempts: Mutex<Attempts>,
}

impl Shared {
    fn new(config: Config, clock: Clock) -> Self {
        let Config {
            listen: _,
            seed,
            tasks,
            targets,
            access_key_id,
            access_key_secret,
            security_token,
            page_size_max,
            latency,
            listing,
            faults,
            frozen,
        } = config;
        let timeline = Timeline::new(clock, frozen);
        Self {
            seed,
            page_size_max,
            latency,
            pages: Pages::new(listing, faults),
            gate: Gate::new(access_key_id, access_key_secret, security_token),
            world: RwLock::new(World::new(seed, timeline.now(), tasks, targets)),
            timeline: Mutex::new(timeline),
            attempts: Mutex::default(),
        }
    }

    /// The time of the world.
    pub(super) fn timeline(&self) -> MutexGuard<'_, Timeline> {
        self.timeline.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How subtasks are listed.
    pub(super) const fn listing(&self) -> Listing {
        self.pages.listing
    }

    /// What goes wrong.
    pub(super) const fn faults(&self) -> &Faults {
        &self.pages.faults
    }

    /// Reads the world, planned up to its time, which it also gives.
    pub(super) fn with_world<T>(&self, read: impl FnOnce(&World, u64) -> T) -> T {
        let now = self.timeline().now();
        let world = self.world.read().unwrap_or_else(PoisonError::into_inner);
        if world.reaches(now) {
            return read(&world, now);
        }
        drop(world);
        let mut world = self.world.write().unwrap_or_else(PoisonError::into_inner);
        world.reach(now);
        read(&world, now)
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        peer: Peer,
        shutdown: &CancellationToken,
    ) -> Result<Response<ReplyBody>, HungUp> {
        let (head, body) = request.into_parts();
        let now = self.timeline().clock();
        let query = decode(head.uri.query().unwrap_or_default());
        if head.uri.path().starts_with(control::PREFIX) {
            let (status, value) = control::answer(self, &head.method, head.uri.path(), &query, peer);
            return Ok(reply::json(status, value.to_string().into_bytes(), now));
        }
        // A client that breaks off its own request gets no answer.
        let body = Limited::new(body, BODY_MAX).collect().await.map_err(|_| HungUp)?.to_bytes();
        let is_form = head.headers.get(CONTENT_TYPE).is_some_and(is_form);
        let call = Call {
            method: head.method.as_str(),
            path: head.uri.path(),
            query,
            form: if is_form { decode(&String::from_utf8_lossy(&body)) } else { Params::new() },
            headers: &head.headers,
            body: &body,
        };
        let params = call.params();
        let lots = self.draw(&params);
        if !self.latency.is_zero() {
            tokio::time::sleep(self.latency).await;
        }
        let id = request_id(&lots);
        match check_method(&head.method).and_then(|()| self.gate.admit(&call, now)) {
            // Another service in the real world, which has no part in the faults of this one.
            Ok(admitted) if identity::is_asked(&admitted) => {
                Ok(reply::json(StatusCode::OK, identity::answer(&id), now))
            }
            Ok(admitted) => self.respond(&admitted, &params, &lots, &id, now, shutdown).await,
            Err(refusal) => Ok(refused(&refusal, &id, now)),
        }
    }

    /// The answer to a request that bears a good signature.
    async fn respond(
        &self,
        admitted: &Admitted,
        params: &Params,
        lots: &Lots,
        id: &str,
        now: UnixMillis,
        shutdown: &CancellationToken,
    ) -> Result<Response<ReplyBody>, HungUp> {
        use Fault::{ErrorIn200, Html502, Reset, ServerError, Stall, Throttle};
        match lots.first(&[Reset, Stall, Html502, ServerError, Throttle, ErrorIn200]) {
            Some(Reset) => return Err(HungUp),
            Some(Stall) => {
                shutdown.cancelled().await;
                return Err(HungUp);
            }
            Some(Html502) => {
                let page = "<html><head><title>502 Bad Gateway</title></head><body>bad gateway</body></html>";
                return Ok(reply::html(StatusCode::BAD_GATEWAY, page, now));
            }
            Some(ServerError) => return Ok(refused(&Refusal::server_error(), id, now)),
            Some(Throttle) => return Ok(throttled(lots, id, now)),
            Some(ErrorIn200) => {
                let refusal = Refusal { status: StatusCode::OK, ..Refusal::server_error() };
                return Ok(refused(&refusal, id, now));
            }
            _ => {}
        }
        let query = match check_action(admitted).and_then(|()| Query::read(params, self.page_size_max)) {
            Ok(query) => query,
            Err(refusal) => return Ok(refused(&refusal, id, now)),
        };
        let body = self.with_world(|world, world_now| self.pages.answer(world, query, world_now, lots, id));
        let response = reply::json(StatusCode::OK, body, now);
        Ok(if lots.strikes(Fault::Truncate) { reply::truncate(response) } else { response })
    }

    /// The lots of a request: by what it asks for, and by how often that was asked before.
    fn draw(&self, params: &Params) -> Lots {
        let own = params.iter().filter(|(name, _)| !PROTOCOL_PARAMS.contains(&name.as_str()));
        let request = own.fold(0, |hash, (name, value)| mix_text(mix_text(hash, name), value));
        let attempt = self.attempts.lock().unwrap_or_else(PoisonError::into_inner).count(request);
        self.faults().draw(self.seed, request, attempt)
    }
}

fn is_form(kind: &HeaderValue) -> bool {
    kind.to_str().is_ok_and(|kind| kind.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded"))
}

fn check_method(method: &Method) -> Result<(), Refusal> {
    if [Method::GET, Method::POST].contains(method) {
        return Ok(());
    }
    let refusal = Refusal::bad_request("UnsupportedHTTPMethod", "The HTTP method is not supported.");
    Err(Refusal { status: StatusCode::METHOD_NOT_ALLOWED, ..refusal })
}

fn check_action(admitted: &Admitted) -> Result<(), Refusal> {
    if admitted.version != VERSION {
        return Err(Refusal::bad_request("InvalidVersion", "Specified parameter Version is not valid."));
    }
    if admitted.action != ACTION {
        let message = "Specified api is not found, please check your url and method.";
        return Err(Refusal::not_found(admitted.unknown_action, message));
    }
    Ok(())
}

fn refused(refusal: &Refusal, id: &str, now: UnixMillis) -> Response<ReplyBody> {
    reply::json(refusal.status, refusal.to_json(id), now)
}

/// Half of the times with the header by which the vendor's clients wait, in milliseconds.
fn throttled(lots: &Lots, id: &str, now: UnixMillis) -> Response<ReplyBody> {
    let mut response = refused(&Refusal::throttled(), id, now);
    let mut dice = lots.details(Fault::Throttle);
    if dice.chance(0.5) {
        let wait = HeaderValue::from(dice.between(20, 200));
        response.headers_mut().insert("x-acs-retry-after", wait);
    }
    response
}

/// In the form of the vendor's, a property of the request and its attempt.
fn request_id(lots: &Lots) -> String {
    let (a, b) = (lots.key(), mix(lots.key(), 1));
    let [first, second, third, fourth] = [a >> 32, (a >> 16) & 0xFFFF, a & 0xFFFF, b >> 48];
    format!("{first:08X}-{second:04X}-{third:04X}-{fourth:04X}-{:012X}", b & 0xFFFF_FFFF_FFFF)
}
