import Addressing
import NetworkPlanning

/// Why a turn is taken and what it looks at.
struct Focus: Sendable {
    var attention = Attention()
    /// What the planner says that updates concern, beside the attention.
    var scope = PlanScope()
    /// The same of changes by which nothing of the host that was seen can have changed: planned without another look.
    var unseen = PlanScope()
    /// Ports that are new and were never seen: there is nothing to look at. The kernel refuses to make what somebody else
    /// has made meanwhile, and tells of it.
    var unmade: Set<InterfaceName> = []
    /// What is desired of these changed: their waits after failures are over, and work on them is no repair.
    var changed: Set<Subject> = []
    /// These are looked at because they were not right, or could not be: work on them is no repair.
    var expected: Set<Subject> = []
    /// The turn does what earlier ones put off.
    var isTidying = false
    /// A look at the whole host that is to be taken over.
    var survey: Surveying?
    /// Everything that is desired is new to the agent: work is no repair.
    var isFirst = false
}
