internal import Gateway
internal import Glibc
internal import JSON
internal import Model
internal import Posix

/// A scanner and its worker on a pseudo-terminal. Blocking.
struct SimulatedScanner {
    let port: String
    let bags: Int
    let children: Int
    let rate: Int
    let first: Int
    let recordPath: String?
    let waitsForAnswers: Bool

    /// What was done.
    struct Summary {
        /// Different labels.
        var scanned = 0
        /// Labels that the gateway said it stored.
        var acknowledged = 0
        /// Scans that had to be repeated.
        var repeated = 0

        var json: String {
            var json = JSONWriter()
            json.object {
                $0.member("scanned", scanned)
                $0.member("acknowledged", acknowledged)
                $0.member("repeated", repeated)
            }
            return String(decoding: json.bytes, as: UTF8.self)
        }
    }

    func run() throws(CommandError) -> Summary {
        do {
            let terminal = try PseudoTerminal()
            // Appears under its final name at once: the gateway opens it as soon as it sees it.
            let temporary = port + ".new"
            unlink(temporary)
            guard symlink(terminal.path, temporary) == 0, rename(temporary, port) == 0 else {
                throw SystemError("link", port)
            }
            defer { unlink(port) }
            let record = try recordPath.map { path throws(SystemError) in
                Record(try FileDescriptor.open(path, O_WRONLY | O_CREAT | O_APPEND, mode: 0o644))
            }
            return try work(terminal, record)
        } catch { throw CommandError(String(describing: error)) }
    }

    private final class Record {
        let file: FileDescriptor
        init(_ file: consuming FileDescriptor) { self.file = file }
    }

    private func work(_ terminal: borrowing PseudoTerminal, _ record: Record?) throws(SystemError) -> Summary {
        var summary = Summary()
        var next = TimeSource.system.now().uptimeNs
        for bag in first..<(first + bags) {
            let parent = "SB" + digits(bag % 100_000, 5)
            var labels = [parent]
            for child in 0..<children {
                labels.append("LABEL NO. \(digits((bag * 31 + child) % 10_000_000, 7)) LOT NO. 77")
            }
            for label in labels {
                next += Int64(1_000_000_000 / rate)
                wait(until: next)
                summary.scanned += 1
                guard try scan(label, terminal, &summary) else { continue }
                summary.acknowledged += 1
                try record?.file.write(Array("\(label)\t\(parent)\n".utf8), subject: recordPath ?? "")
            }
        }
        return summary
    }

    /// Scans until the gateway says that it is stored; a worker would not give up either, but this one does after
    /// two minutes.
    private func scan(_ label: String, _ terminal: borrowing PseudoTerminal, _ summary: inout Summary)
        throws(SystemError) -> Bool
    {
        let giveUp = TimeSource.system.now().uptimeNs + 120_000_000_000
        var attempts = 0
        // Scans of this label that may still be answered.
        var owed = 0
        while TimeSource.system.now().uptimeNs < giveUp {
            // Nobody has the terminal open: what is written now is thrown away when the gateway opens it.
            if isUnread(terminal) {
                wait(until: TimeSource.system.now().uptimeNs + 20_000_000)
                continue
            }
            if attempts > 0 { summary.repeated += 1 }
            attempts += 1
            // An answer that came too late is nobody's: it must not count for this scan.
            tcflush(terminal.scanner.raw, TCIFLUSH)
            try terminal.scanner.write(Array((label + "\r").utf8), subject: port)
            guard waitsForAnswers else { return false }
            owed += 1
            switch answer(terminal, withinMs: 2000) {
            case 0x06:
                // What the earlier scans of this label are answered must not count for the next label either.
                owed -= 1
                while owed > 0, answer(terminal, withinMs: 300) != nil { owed -= 1 }
                return true
            case nil: continue
            // Refused at once: a worker needs a moment to try again.
            default:
                owed -= 1
                wait(until: TimeSource.system.now().uptimeNs + 1_000_000_000)
            }
        }
        return false
    }

    /// The gateway's answer; nil where none comes in that time, or the gateway is gone.
    private func answer(_ terminal: borrowing PseudoTerminal, withinMs milliseconds: Int64) -> UInt8? {
        let patience = TimeSource.system.now().uptimeNs + milliseconds * 1_000_000
        while case let left = (patience - TimeSource.system.now().uptimeNs) / 1_000_000, left > 0 {
            var ready = pollfd(fd: terminal.scanner.raw, events: Int16(POLLIN), revents: 0)
            guard poll(&ready, 1, Int32(left)) > 0 else { return nil }
            if ready.revents & Int16(POLLIN) != 0 {
                var byte = [UInt8](repeating: 0, count: 1)
                if let count = try? terminal.scanner.read(into: &byte, subject: port), count == 1 { return byte[0] }
            }
            if ready.revents & Int16(POLLHUP) != 0 { return nil }
        }
        return nil
    }

    private func isUnread(_ terminal: borrowing PseudoTerminal) -> Bool {
        var ready = pollfd(fd: terminal.scanner.raw, events: 0, revents: 0)
        return poll(&ready, 1, 0) > 0 && ready.revents & Int16(POLLHUP) != 0
    }

    private func wait(until uptimeNs: Int64) {
        let left = uptimeNs - TimeSource.system.now().uptimeNs
        guard left > 0 else { return }
        var time = timespec(tv_sec: Int(left / 1_000_000_000), tv_nsec: Int(left % 1_000_000_000))
        nanosleep(&time, nil)
    }

    private func digits(_ number: Int, _ count: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, count - text.count)) + text
    }
}
