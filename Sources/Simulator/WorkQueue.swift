internal import Glibc
internal import Posix

/// A thread that does one piece of work after the other, so that SQLite never holds up the server's own thread.
///
/// At most `limit` pieces wait; more are refused.
final class WorkQueue: @unchecked Sendable {
    // @unchecked: `work`, `isStopping` and `hasEnded` are touched only with `lock` held.
    private let limit: Int
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var work: [@Sendable () -> Void] = []
    private var isStopping = false
    private var hasEnded = false

    init(name: String, limit: Int) {
        self.limit = limit
        pthread_mutex_init(lock, nil)
        pthread_cond_init(changed, nil)
        Threads.run(name: name) { [self] in run() }
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(lock)
        changed.deallocate()
        lock.deallocate()
    }

    /// Puts a piece of work at the end; false where the queue is full or stopping.
    func add(_ piece: @escaping @Sendable () -> Void) -> Bool {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        guard work.count < limit, !isStopping else { return false }
        work.append(piece)
        pthread_cond_broadcast(changed)
        return true
    }

    /// Ends the thread after the work that is there, and waits for it.
    func stop() {
        pthread_mutex_lock(lock)
        isStopping = true
        pthread_cond_broadcast(changed)
        while !hasEnded { pthread_cond_wait(changed, lock) }
        pthread_mutex_unlock(lock)
    }

    private func run() {
        var batch: [@Sendable () -> Void] = []
        while true {
            pthread_mutex_lock(lock)
            while work.isEmpty && !isStopping { pthread_cond_wait(changed, lock) }
            swap(&batch, &work)
            if batch.isEmpty {
                hasEnded = true
                pthread_cond_broadcast(changed)
                pthread_mutex_unlock(lock)
                return
            }
            pthread_mutex_unlock(lock)
            for piece in batch { piece() }
            batch.removeAll(keepingCapacity: true)
        }
    }
}
