import Glibc
package import Resources

extension Timestamp {
    /// This machine's wall clock (CLOCK_REALTIME, time.h).
    package static var now: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }
}
