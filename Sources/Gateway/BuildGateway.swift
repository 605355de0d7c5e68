internal import Identity
public import Model
public import Posix
internal import Scanners
internal import Spool

//  what is attached ─► ScannerSet ─┐ opens, closes                            ┌── control socket ── CLI
//  (libudev)           plan        ▼                                          │
//  scanners ──────── ScannerPort ─┐ readings                                  │
//  (poll thread)     driver       │                                           │
//                               ▼                                             ▼
//                         ┌─ Intake ───────────────┐  admitted devices  ┌─ Administrator ─┐
//   good / error signal ◄─┤ lane rules, sign,      │◄───────────────────┤ registry, keys, │
//   after the commit      │ group commit (SQLite)  │                    │ audit log       │
//                         └──┬──────────────▲──────┘                    └─────────────────┘
//              lanes have    │              │ verdicts ride the next commit
//              new scans     ▼              │
//                         ┌─ Delivery ──────┴──────┐  batches of   ┌─ SpoolLog ─┐
//                         │ one a group: contract, │◄──────────────┤ cursors    │
//                         │ retries, breaker       │  stored bytes └────────────┘
//                         └──┬─────────────────────┘
//                            ▼ HTTPS (libcurl's thread)
//                         TraceTrack

/// Builds the daemon: everything is made here and connected here, nothing runs yet.
///
/// The state directory is locked from here on. Called by `scangate run` and by tests.
///
/// - Parameter descriptors: what the service manager kept for this process.
/// - Throws: `CommandError` with what to mend.
public func buildGateway(
    _ configuration: Configuration, descriptors: DescriptorStore = DescriptorStore(), clock: TimeSource = .system
) async throws(CommandError) -> Gateway {
    let core = try await GatewayCore.open(configuration, clock: clock, patience: .seconds(5))
    let poll: PollThread
    do { poll = try PollThread(name: "poll") } catch { throw CommandError(error.description) }
    let deliveries = DeliverySet(core: core, clock: clock)
    let maintenance = Maintenance(
        intake: core.intake, log: core.log, keepAccepted: configuration.spool.keepAccepted, clock: clock)
    await core.intake.connect(
        Intake.Outputs(
            log: core.log, scansArrived: { deliveries.scansArrived(in: $0) },
            canDeliver: { deliveries.canDeliver($0) },
            maintenance: { maintenance.noteCommit(bytes: $0) })
    )
    let frames = FrameFolder(configuration.gateway.stateDirectory + "/frames", bounds: configuration.camera.frames)
    let scanners = ScannerSet(
        poll: poll,
        sink: QuarantiningSink(core.intake) { [administrator = core.administrator] in
            await administrator.quarantine($0, $1)
        }, settings: configuration.scanners, grabs: KeptGrabs(descriptors), frames: frames,
        clock: clock)
    let control = ControlServer(
        poll: poll, path: configuration.gateway.controlSocket, adminGroup: configuration.gateway.adminGroup,
        administrator: core.administrator)
    return Gateway(
        configuration: configuration, core: core, poll: poll, deliveries: deliveries, maintenance: maintenance,
        scanners: scanners, frames: frames, control: control, clock: clock)
}
