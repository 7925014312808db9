-- -> made, revisions that are still to be forgotten
return {'made', forget(10000)}
